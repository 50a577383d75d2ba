#!/bin/sh
# After an installation or an upgrade: what runs goes on by the new program.
set -e
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload || true
systemctl try-restart dane-monitor.service tlspolicy.service validator.service || true
