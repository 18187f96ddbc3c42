#!/bin/sh
# The scenario on real Fabric: nine organisations' peers and an orderer of the release in PATH. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/support/tap.sh
command -v orderer >/dev/null && command -v peer >/dev/null || skip_all "no orderer and peer in PATH"
set -- fabric
. test/scenario/steps.sh
