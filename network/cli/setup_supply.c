/* setup_supply.c: the supply chain: the salt of its packs. Its trading partners' credentials are the council's. */
#include "cli/setup.h"

void setup_add_supply(setup_plan *plan)
{
    static const char *const endorsers[] = { "ManufacturerMSP", "DistributorMSP" };
    const config_org *org = config_find_org(plan->network, endorsers[0]);
    const config_user *admin = org ? setup_admin(org) : NULL;
    const char *salt;
    setup_act *act;

    if (!admin || !config_find_chaincode(plan->network, "supply"))
        return;
    salt = setup_text(plan, json_pack("{s:s}", "salt", setup_random(plan, 32)));
    act = setup_add(plan, SETUP_STAFF, org, admin, "supply", "salt", "Setup", NULL);
    if (act) {
        act->in = fcc_str(salt);
        act->endorsers = endorsers;
    }
}
