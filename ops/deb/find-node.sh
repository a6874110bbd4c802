# Sets $node to the Node of the Debian package, whatever the PATH has: it is the one that the tests ran with.
# $here: the file of the command that sources this.
node=${here%/*}/node
# The service's user keeps compiled code in the cache of the units. Others keep none: they may not write beside the program, and
# root must not run code from a cache that another user writes.
cache=/var/cache/atomic-ingestor
if [ -z "${NODE_COMPILE_CACHE:-}" ]; then
  if [ -O "$cache" ]; then export NODE_COMPILE_CACHE="$cache"; else export NODE_DISABLE_COMPILE_CACHE=1; fi
fi
