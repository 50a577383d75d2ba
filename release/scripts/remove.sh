#!/bin/sh
# Before a removal, and not before an upgrade: Debian says "remove", RPM 0.
set -e
[ -d /run/systemd/system ] || exit 0
case "$1" in
remove | 0) systemctl disable --now dane-monitor.service dane-metrics.timer tlspolicy.service validator.service || true ;;
esac
