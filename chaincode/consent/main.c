/* main.c: the chaincode consent as a program. */
#include "consent/consent.h"

int main(int argc, char **argv)
{
    return lib_serve(argc, argv, &consent_chaincode, &consent_table);
}
