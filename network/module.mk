# The network: archives in the order of their dependencies, each knowing only those above it.
$(eval $(call archive,config,network/config))
$(eval $(call archive,msp,network/msp))
MSP = $(B)/libmsp.a $(B)/libconfig.a $(B)/libprotos.a $(B)/libbase.a
UNIT_network/config := $(B)/libconfig.a $(B)/libbase.a
UNIT_network/msp := $(B)/libmsp.a $(B)/libconfig.a $(B)/libprotos.a $(B)/libbase.a
$(eval $(call archive,peer,network/peer))
$(eval $(call archive,devnet,network/devnet))
