"""
The few lines that each shell needs; everything else is asked of the program.

Source: bash(1) "Programmable Completion"; zshcompsys(1); fish-shell complete(1); PowerShell Register-ArgumentCompleter.
"""

from __future__ import annotations

from typing import Final

BASH: Final = r"""# dragoman: completion for bash
_dragoman() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :file) compopt -o default 2>/dev/null ;;
            :nospace) compopt -o nospace 2>/dev/null ;;
            *) COMPREPLY+=("$line") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _dragoman dragoman
"""

ZSH: Final = r"""#compdef dragoman
_dragoman() {
    local line value files=0
    local -a plain open space
    space=()
    while IFS= read -r line; do
        case $line in
            :file) files=1 ;;
            :nospace) space=(-S '') ;;
            *)
                value=${line%%$'\t'*}
                value=${value//:/\\:}
                if [[ $line == *$'\t'* ]]; then plain+=("$value:${line#*$'\t'}"); else plain+=("$value"); fi ;;
        esac
    done < <("${(Q)words[1]}" __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    (( $#plain )) && _describe -V dragoman plain "${space[@]}"
    if (( files )); then
        [[ $PREFIX == --*=* ]] && compset -P 1 '*='
        _files
    fi
}
if [[ $funcstack[1] == _dragoman ]]; then
    _dragoman "$@"
else
    compdef _dragoman dragoman
fi
"""

FISH: Final = r"""# dragoman: completion for fish
function __dragoman_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l plain $typed
    for close in '' "'" '"' # a quote may be open
        set plain (string unescape -- $typed$close); and break
    end
    for line in (command $words[1] __complete fish $words[2..-1] "$plain" 2>/dev/null)
        switch $line
            case ':file'
                set -l option (string match -r -- '^--[^=]+=' $typed)
                for path in (complete -C "'' "(string replace -- "$option" '' "$typed")) # what it says for any command
                    echo "$option$path"
                end
            case ':nospace'
            case '*'
                echo $line
        end
    end
end
complete -c dragoman -f -a '(__dragoman_complete)'
"""

POWERSHELL: Final = r"""# dragoman: completion for PowerShell
Register-ArgumentCompleter -Native -CommandName dragoman -ScriptBlock {
    param($word, $ast, $cursor)
    $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
    if (-not $word) { $words += '' }
    dragoman __complete powershell @words 2>$null | ForEach-Object {
        if ($_ -eq ':file') { Get-ChildItem "$word*" | ForEach-Object { $_.Name } }
        elseif ($_ -ne ':nospace') {
            $value, $about = $_ -split "`t", 2
            if (-not $about) { $about = $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
        }
    }
}
"""

SCRIPTS: Final = {"bash": BASH, "zsh": ZSH, "fish": FISH, "powershell": POWERSHELL}
