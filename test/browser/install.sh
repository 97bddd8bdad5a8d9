#!/bin/sh
# Installs the browser that the tests of the status page drive, where there is none: Debian's, as root.
set -eu
command -v chromium >/dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium >/dev/null
command -v chromium
