# libfcc: the chaincode shim.
$(eval $(call archive,exec,shim/exec))
$(eval $(call archive,core,shim/core shim/identity))
$(eval $(call archive,io,shim/io))
