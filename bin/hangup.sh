# Sets $hangup: `ignored` where SIGHUP was ignored when the script that sources this began (nohup does so), else `default`.
# Only a shell can tell: Node sets every signal to its default before it runs a program. A shell cannot trap an ignored one.
hangup=ignored
trap 'hangup=default' HUP
kill -s HUP $$
trap - HUP
