/* main.c: the chaincode consent as a program. */
#include "consent/consent.h"
#include "lib/call.h"

int main(int argc, char **argv)
{
    return lib_main(argc, argv, &consent_chaincode);
}
