# The chaincodes: one executable each.

# What the healthcare chaincodes share, and these.
$(eval $(call archive,cclib,chaincode/lib))
$(eval $(call archive,credentials,chaincode/credentials))
$(eval $(call archive,consent,chaincode/consent))
$(eval $(call archive,ehr,chaincode/ehr))
$(eval $(call archive,prescriptions,chaincode/prescriptions))
$(eval $(call archive,supply,chaincode/supply))
$(eval $(call archive,appointments,chaincode/appointments))
PROGRAMS += credentials consent ehr prescriptions supply appointments
credentials_OBJS = $(B)/libcredentials.a $(B)/libcclib.a $(FCC)
credentials_LIBS = $(FCC_LIBS) $(Z_LIBS)
consent_OBJS = $(B)/libconsent.a $(B)/libcclib.a $(FCC)
consent_LIBS = $(FCC_LIBS)
ehr_OBJS = $(B)/libehr.a $(B)/libcclib.a $(FCC)
ehr_LIBS = $(FCC_LIBS)
prescriptions_OBJS = $(B)/libprescriptions.a $(B)/libcclib.a $(FCC)
prescriptions_LIBS = $(FCC_LIBS)
supply_OBJS = $(B)/libsupply.a $(B)/libcclib.a $(FCC)
supply_LIBS = $(FCC_LIBS)
appointments_OBJS = $(B)/libappointments.a $(B)/libcclib.a $(FCC)
appointments_LIBS = $(FCC_LIBS)
# Their tests run on the real ledger: fcc/test.h.
UNIT_chaincode/lib = $(B)/libcclib.a $(FCCTEST)
REGISTRY = $(B)/libcredentials.a $(UNIT_chaincode/lib)
UNIT_chaincode/credentials = $(B)/gen/health_state.o $(REGISTRY)
UNIT_chaincode/consent = $(B)/libconsent.a $(UNIT_chaincode/credentials)
UNIT_chaincode/ehr = $(B)/libehr.a $(UNIT_chaincode/consent)
UNIT_chaincode/prescriptions = $(B)/libprescriptions.a $(UNIT_chaincode/supply)
UNIT_chaincode/supply = $(B)/libsupply.a $(UNIT_chaincode/ehr)
UNIT_chaincode/appointments = $(B)/libappointments.a $(UNIT_chaincode/credentials)

# What the shim is compared and measured with.
$(eval $(call archive,probe,chaincode/probe))
PROGRAMS += probe
probe_OBJS = $(B)/libprobe.a $(FCC)
probe_LIBS = $(FCC_LIBS)
# text.c alone: main and the operations need a peer
UNIT_chaincode/probe := $(B)/obj/chaincode/probe/text.c.o
