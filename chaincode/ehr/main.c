/* main.c: the chaincode ehr as a program. */
#include "ehr/ehr.h"

int main(int argc, char **argv)
{
    return lib_serve(argc, argv, &ehr_chaincode, &ehr_table);
}
