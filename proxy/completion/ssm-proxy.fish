# Completion of ssm-proxy for fish. ssm-proxy itself says how the line could go on. Names of nodes are data here, whatever
# is in them: nothing is evaluated, and fish quotes what it inserts.

function __ssm_proxy_words
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -e before[1]
    set -l plain (string unescape -- $current)
    or set plain (string trim --left --chars "\"'" -- $current)
    set -l lines (command ssm-proxy completion words -- $before "$plain" 2>/dev/null)
    if test $status -eq 1
        set -l option (string match --regex -- '^--[a-z-]+=' "$plain")
        set -l files (__fish_complete_path (string sub --start (math 1 + (string length -- "$option")) -- "$plain"))
        test (count $files) -gt 0; and printf '%s\n' "$option"$files
        return
    end
    test (count $lines) -gt 0; and printf '%s\n' $lines
end

complete -c ssm-proxy -f -a '(__ssm_proxy_words)'
