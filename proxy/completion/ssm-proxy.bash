# Completion of ssm-proxy for bash. ssm-proxy itself says how the line could go on. Names of nodes are data here, whatever
# is in them: nothing is evaluated, and what is inserted is quoted.

_ssm_proxy() {
    local breaks='' joined='' quote='' current before word words=() lines
    # readline cuts words at ':' and '=', unless told otherwise; ssm-proxy wants them whole.
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+='='
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        if [[ $breaks && ${#words[@]} -gt 0 && ($joined || $word == [$breaks]*) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        joined=
        [[ $breaks && $word == *[$breaks] ]] && joined=yes
    done
    current=${words[-1]}
    if [[ $current == [\"\']* ]]; then
        quote=yes
        current=${current:1}
    else
        current=${current//\\/}
    fi
    words[-1]=$current
    before=
    [[ $breaks && $current == *[$breaks]* ]] && before=${current%"${current##*["$breaks"]}"}

    COMPREPLY=()
    lines=$(command ssm-proxy completion words -- "${words[@]}" 2>/dev/null)
    if [[ $? -eq 1 ]]; then
        compopt -o default # names of files
        return
    fi
    while IFS=$'\t' read -r word _; do
        word=${word#"$before"}
        if [[ -z $quote ]]; then
            printf -v word %q "$word"
        elif [[ $word == *[^a-zA-Z0-9._\ +@%,:=/-]* ]]; then
            continue # the quotes that are typed would not make it harmless
        fi
        COMPREPLY+=("$word")
    done <<<"$lines"
    [[ $lines ]] || COMPREPLY=()
}

complete -F _ssm_proxy ssm-proxy
