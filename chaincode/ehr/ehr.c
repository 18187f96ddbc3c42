/* ehr.c: the table of functions, and what all of them do with patients. */
#include "ehr/ehr.h"

#include "ehr/parts.h"

/* clang-format off */
#define EHR_FUNCTIONS(X) \
    X(Setup, ehr_setup) \
    X(SetCustodyKey, ehr_set_custody_key) \
    X(SetRetention, ehr_set_retention) \
    X(StartEncounter, ehr_start_encounter) \
    X(CloseEncounter, ehr_close_encounter) \
    X(CheckEncounter, ehr_check_encounter) \
    X(AddRecords, ehr_add_records) \
    X(AddOwn, ehr_add_own) \
    X(ImportRecords, ehr_import_records) \
    X(Attest, ehr_attest) \
    X(Supersede, ehr_supersede) \
    X(MarkError, ehr_mark_error) \
    X(OrderTest, ehr_order_test) \
    X(AddLabResult, ehr_add_lab_result) \
    X(VerifyLabResult, ehr_verify_lab_result) \
    X(GetOrder, ehr_get_order) \
    X(ListOrders, ehr_list_orders) \
    X(RequestAccess, ehr_request_access) \
    X(EmergencyAccess, ehr_emergency_access) \
    X(Decision, ehr_decision) \
    X(ReadIndex, ehr_read_index) \
    X(GetKey, ehr_get_key) \
    X(RequestErasure, ehr_request_erasure) \
    X(DecideErasure, ehr_decide_erasure) \
    X(SetHold, ehr_set_hold) \
    X(LiftHold, ehr_lift_hold) \
    X(ErasureState, ehr_erasure_state) \
    X(ListRecords, ehr_list_records) \
    X(ExportRecords, ehr_export_records) \
    X(Explain, ehr_explain) \
    X(AuditTrail, ehr_audit_trail) \
    X(ActHistory, ehr_act_history) \
    X(VerifyCommit, ehr_verify_commit)
/* clang-format on */

LIB_CHAINCODE(ehr, EHR_FUNCTIONS)

/* ---- the patient ---- */

fcc_status ehr_require_owner(lib_call *call, const char *pid)
{
    return lib_require_owner_of(call, pid, "records");
}

fcc_status ehr_require_living_owner(lib_call *call, const char *pid)
{
    fcc_status st = ehr_require_owner(call, pid);

    return st == FCC_OK ? lib_require_patient(call, &pid) : st;
}
