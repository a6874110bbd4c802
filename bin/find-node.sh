# Sets $node to the first Node that is new enough: the machine's own, or the one that npm installed with the package (below
# it, or beside it if the package is a dependency). If there is none, it prints a sentence and ends the script that
# sources this.
# $here: that script's own file, in bin/ of the package.
package=${here%/*/*}
for node in node "$package"/node_modules/node-linux-*/bin/node "${package%/*}"/node-linux-*/bin/node; do
  # The same as `engines` in package.json.
  case $(NODE_OPTIONS='' "$node" --version 2> /dev/null) in
    v2[2-9].* | v[3-9]?.*) return ;;
  esac
done
echo "${here##*/}: it takes Node 22 or newer, and none was found: put one on the PATH, or run npm ci (or npm install) again without --omit=optional, which brings one along." >&2
exit 3
