# Completion of medsync for bash. It asks the program itself (--help, explain, a chaincode's --describe), so that it knows
# what the installed version knows, and no network is needed.

# The words of a help text: commands or steps, options.
_medsync_commands() { "$1" --help 2>/dev/null | sed -n '/^exit status/q; s/^  \([a-z][a-z]*\) .*/\1/p'; }
_medsync_steps() { # program, command: "medsync devnet up|down" and "medsync record add ..." in the synopsis
    "$1" "$2" --help 2>/dev/null |
        sed -n "/^\$/q; s/\[OPTION\]\.\.\. //; s/^[a-z: ]*medsync $2 \([A-Za-z-]*\(|[a-z-]*\)*\)\( .*\)\{0,1\}\$/\1/p" |
        tr '|' '\n' | grep '^[a-z]'
}
_medsync_options() { "$1" "$2" --help 2>/dev/null | grep -oE '(^|[ (])--[a-z][a-z-]*' | tr -d ' (' | sort -u; }

# The chaincodes whose programs are beside medsync, and what one of them can.
_medsync_chaincodes() {
    local bin program

    bin=$(dirname "$(command -v "$1")")
    for program in "$bin"/*; do
        case ${program##*/} in medsync | fcc-host | *[!a-z]*) continue ;; esac
        "$program" --describe >/dev/null 2>&1 && echo "${program##*/}"
    done
}
_medsync_functions() {
    case $2 in *[!a-z]*) return ;; esac
    "$(dirname "$(command -v "$1")")/$2" --describe 2>/dev/null | sed -n 's/^| \([A-Z][A-Za-z, ]*\) |.*/\1/p' | tr -d ,
}

# The network's directory as the line says it so far.
_medsync_dir() {
    local i

    for ((i = 1; i < COMP_CWORD; i++)); do
        [ "${COMP_WORDS[i]}" = --dir ] && echo "${COMP_WORDS[i + 1]}" && return
    done
    echo build/devnet
}

_medsync() {
    local program=$1 current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local words='' i place=0

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$(_medsync_commands "$program") --help"
    else
        case $previous in
        --user)
            words=$(ls -d "$(_medsync_dir)"/crypto/peerOrganizations/*/users/*@* 2>/dev/null | sed 's|.*/||; s/@.*//')
            ;;
        --org | --gateway | --endorse)
            words=$(ls "$(_medsync_dir)"/crypto/peerOrganizations 2>/dev/null | sed 's/\..*//')
            ;;
        --chaincode) words=$(_medsync_chaincodes "$program") ;;
        --fabric) words='2.5 3.1' ;;
        --ports) words=auto ;;
        --tamper) words='proposal txid signature envelope' ;;
        --dir | --bin | --fabric-bin | --crypto | --msp-dir | --tls-dir | --chaincodes)
            COMPREPLY=($(compgen -d -- "$current"))
            return
            ;;
        esac
        if [ -z "$words" ]; then
            case $current in
            -*) words="$(_medsync_options "$program" "$command") --help" ;;
            *)
                # which argument this is: words that are neither options nor an option's value
                for ((i = 2; i < COMP_CWORD; i++)); do
                    case ${COMP_WORDS[i]} in
                    --json | --hex | --init | --detach | --dry-run | --client-auth | --orderer | --emergency) ;;
                    -*) ((i++)) ;;
                    *) ((place++)) ;;
                    esac
                done
                case $command in
                invoke | query | history | events)
                    [ $place -eq 0 ] && words=$(_medsync_chaincodes "$program")
                    [ $place -eq 1 ] && [ "$command" != events ] &&
                        words=$(_medsync_functions "$program" "${COMP_WORDS[COMP_CWORD - 1]}")
                    ;;
                explain) words=$("$program" explain | sed 's/ .*//') ;;
                *) [ $place -eq 0 ] && words=$(_medsync_steps "$program" "$command") ;;
                esac
                ;;
            esac
        fi
    fi
    [ -n "$words" ] && COMPREPLY=($(compgen -W "$words" -- "$current"))
    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _medsync medsync
