#!/usr/bin/env bash
# sick.sh STATE INPUT WAREHOUSE STATE_PATH: brings a running ingestor into one of the sick states of ops/runbook.md.
#
#   paused       an operator has paused hash
#   held         a sparse file of 2 TiB, which is too large, is in INPUT
#   full         the filesystem of WAREHOUSE is full
#   low          it has half of 8 MiB left (--min-free-bytes 8388608 is passed)
#   unmounted    WAREHOUSE, a mount, is unmounted
#   stopped      the worker is stopped by SIGSTOP
#   open-writer  a file in INPUT is held open for writing, for as long as this script runs
#   nobody       all processes of the state are killed
#
# For a machine of your own: it does what it says. `full`, `low` and `unmounted` need WAREHOUSE to be a small filesystem.
set -euo pipefail
[ $# -eq 4 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
state=$1 input=$2 warehouse=$3
export INGEST_STATE_PATH=$4
bin=$(cd "$(dirname "$(readlink -f "$0")")/../../bin" && pwd)

free() { df --output=avail -B1 "$warehouse" | tail -1; }
pid_of() { "$bin/queue-stat" --processes --json | tr '{' '\n' | grep "\"title\":\"$1" | grep -o '"pid":[0-9]*' | head -1 | cut -d: -f2; }
ballast() { head -c "$1" /dev/zero > "$warehouse/ballast" 2> /dev/null || true; }

case $state in
  paused) "$bin/ingest-ctl" pause hash ;;
  held) truncate -s 2T "$input/huge.csv" ;;
  full) ballast "$(($(free) + 1048576))" ;;
  low) ballast "$(($(free) - 4194304))" ;;
  unmounted) umount "$warehouse" ;;
  stopped) kill -STOP "$(pid_of worker)" ;;
  open-writer) exec 3>> "$input/slow.csv"; echo 'a,b' >&3; exec sleep infinity ;;
  nobody) kill -KILL "$(grep -oP '^PPid:\t\K\d+' "/proc/$(pid_of producer)/status")" ;;
  *) echo "sick.sh: \"$state\" is none of its states; without arguments it lists them." >&2; exit 2 ;;
esac
