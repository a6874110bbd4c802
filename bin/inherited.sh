# What a program inherits and only a shell can tell: Node sets every signal to its default, and opens /dev/null where a descriptor
# is closed, before it runs a program.

# Sets $hangup: `ignored` where SIGHUP was ignored when the script that sources this began (nohup does so), else `default`.
# A shell cannot trap an ignored signal.
hangup=ignored
trap 'hangup=default' HUP
kill -s HUP $$
trap - HUP

# A closed stdout becomes one that cannot be written to, so that a command whose results nobody gets does not end as if all were well.
{ true 3>&1; } 2> /dev/null || exec 1< /dev/null
