# The network: archives in the order of their dependencies, each knowing only those above it.
$(eval $(call archive,peer,network/peer))
