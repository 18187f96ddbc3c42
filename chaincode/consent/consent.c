/*
 * consent.c: the chaincode's functions, each once.
 *
 * Everything lies in two collections. In `subject` the keys are known without a search: the base, and one grant for each
 * of person, role at a site, organisation. So a request reads the same four keys whatever they say, and a grant to one
 * never conflicts with a read by another. `emergency` has the break-glass cases, which one organisation alone can write.
 */
#include "consent/consent.h"

/* clang-format off */
#define CONSENT_FUNCTIONS(X)                        \
    X(SetBase, consent_set_base)                    \
    X(Grant, consent_grant)                         \
    X(Revoke, consent_revoke)                       \
    X(RevokeAll, consent_revoke_all)                \
    X(SetBaseFor, consent_set_base_for)             \
    X(GrantFor, consent_grant_for)                  \
    X(Countersign, consent_countersign)             \
    X(RevokeFor, consent_revoke_for)                \
    X(RequestConsent, consent_request)              \
    X(AnswerRequest, consent_answer)                \
    X(BreakGlass, consent_break_glass)              \
    X(CloseBreakGlass, consent_close_break_glass)   \
    X(ReviewBreakGlass, consent_review_break_glass) \
    X(LateBreakGlass, consent_late_break_glass)     \
    X(Evaluate, consent_evaluate)                   \
    X(Explain, consent_explain)                     \
    X(GetBase, consent_get_base)                    \
    X(ListGrants, consent_list_grants)              \
    X(ListRequests, consent_list_requests)          \
    X(GetPending, consent_get_pending)              \
    X(ConsentHistory, consent_history)              \
    X(BreakGlassCases, consent_break_glass_cases)   \
    X(OverdueReviews, consent_overdue_reviews)      \
    X(ActHistory, consent_act_history)              \
    X(VerifyCommit, consent_verify_commit)
/* clang-format on */

LIB_CHAINCODE(consent, CONSENT_FUNCTIONS)
