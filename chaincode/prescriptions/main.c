/* main.c: the chaincode prescriptions as a program. */
#include "prescriptions/prescriptions.h"

int main(int argc, char **argv)
{
    return lib_serve(argc, argv, &prescriptions_chaincode, &prescriptions_table);
}
