#!/usr/bin/env bash
# FLINK_PROPERTIES goes into config.yaml by Flink's own tool; then the process starts as user flink.
set -euo pipefail
# What Flink's image has in its configuration: processes are reached from other containers.
options=(
  -Drest.address=0.0.0.0
  -Drest.bind-address=0.0.0.0
  -Djobmanager.bind-host=0.0.0.0
  -Dtaskmanager.bind-host=0.0.0.0
  -rmKV taskmanager.host=localhost
)
while IFS= read -r line; do
  # The official entrypoint takes all white space away, too.
  line=${line//[[:space:]]/}
  if [ -n "$line" ]; then
    options+=("-D${line%%:*}=${line#*:}")
  fi
done <<<"${FLINK_PROPERTIES:-}"
bin/config-parser-utils.sh conf bin lib "${options[@]}"

case "$1" in
  jobmanager | taskmanager)
    exec setpriv --reuid=flink --regid=flink --init-groups "bin/$1.sh" start-foreground
    ;;
esac
exec "$@"
