# What ./run prints: one line a step; colour only on a terminal that has it.

if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
    say_bold=$'\e[1m' say_red=$'\e[31m' say_off=$'\e[0m'
else
    say_bold= say_red= say_off=
fi

say() {
    printf '%s==>%s %s\n' "$say_bold" "$say_off" "$*"
}

# To standard error, and the end of the whole run.
die() {
    printf '%s==> %s%s\n' "$say_red" "$*" "$say_off" >&2
    exit 1
}
