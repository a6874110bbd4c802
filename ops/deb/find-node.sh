# Sets $node to the Node of the Debian package, whatever the PATH has: it is the one that the tests ran with.
# $here: the file of the command that sources this.
node=${here%/*}/node
# No command may write beside the program. The units name a cache of their own (systemd/common.conf).
[ -n "${NODE_COMPILE_CACHE:-}" ] || export NODE_DISABLE_COMPILE_CACHE=1
