/* main.c: the chaincode appointments as a program. */
#include "appointments/appointments.h"

int main(int argc, char **argv)
{
    return lib_serve(argc, argv, &appointments_chaincode, &appointments_table);
}
