/* main.c: the chaincode ehr as a program. */
#include "ehr/ehr.h"
#include "lib/call.h"

int main(int argc, char **argv)
{
    return lib_main(argc, argv, &ehr_chaincode);
}
