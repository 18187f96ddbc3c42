/*
 * consent.c: the chaincode's functions.
 *
 * Everything lies in two collections. In `subject` the keys are known without a search: the base, and one grant for each
 * of person, role at a site, organisation. So a request reads the same four keys whatever they say, and a grant to one
 * never conflicts with a read by another. `emergency` has the break-glass cases, which one organisation alone can write.
 */
#include "consent/consent.h"

#include "consent/parts.h"

static const fcc_function functions[] = {
    { "SetBase", set_base_handler, 0 },
    { "Grant", grant_handler, 0 },
    { "Revoke", revoke_handler, 0 },
    { "RevokeAll", revoke_all_handler, 0 },
    { "SetBaseFor", set_base_for_handler, 0 },
    { "GrantFor", grant_for_handler, 0 },
    { "RevokeFor", revoke_for_handler, 0 },
    { "Countersign", countersign_handler, 0 },
    { "GetPending", get_pending_handler, 0 },
    { "RequestConsent", request_consent_handler, 0 },
    { "AnswerRequest", answer_request_handler, 0 },
    { "ListRequests", list_requests_handler, 0 },
    { "BreakGlass", break_glass_handler, 0 },
    { "CloseBreakGlass", close_break_glass_handler, 1 },   /* id */
    { "ReviewBreakGlass", review_break_glass_handler, 1 }, /* id */
    { "LateBreakGlass", late_break_glass_handler, 0 },
    { "BreakGlassCases", break_glass_cases_handler, 0 },
    { "OverdueReviews", overdue_reviews_handler, 0 },
    { "GetBase", get_base_handler, 0 },
    { "ListGrants", list_grants_handler, 0 },
    { "ConsentHistory", consent_history_handler, 0 },
    { "ActHistory", consent_act_history_handler, 1 },     /* id */
    { "VerifyCommit", consent_verify_commit_handler, 1 }, /* id */
    { "Evaluate", evaluate_handler, 5 },                  /* pid, actor, purpose, op, attrs */
    { "Explain", explain_consent_handler, 2 },            /* pid, attrs */
};

static fcc_status refuse(fcc_stub *stub, fcc_args args)
{
    return lib_unknown(stub, args, &consent_chaincode);
}

const fcc_chaincode consent_chaincode = {
    .functions = functions,
    .count = sizeof(functions) / sizeof(functions[0]),
    .refuse = refuse,
};
