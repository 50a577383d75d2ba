# Completions of daneverify for bash, made by "daneverify completion bash".
_daneverify() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= next i
	local flags= files= values= choices= arguments=
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		next="${path:+$path }${COMP_WORDS[i]}"
		case $next in
		'check' | 'explain' | 'monitor' | 'tlsa' | 'tlsa make' | 'tlsa check' | 'tlsa wait' | 'tlsa plan' | 'tlsa update' | 'resolver' | 'anchors' | 'demo' | 'version' | 'man' | 'completion') path=$next ;;
		*) break ;;
		esac
	done
	case $path in
	'')
		flags='-anchors -hints -recursive -resolver -trust-state -4 -6 -curves -helo -local -port -probe-timeout -column -concurrency -input -timeout -pause -per-address -per-dns-server -per-network -per-provider -share -dns-only -json -mandatory -v -dot -html -anchors-update -check-resolver -demo -show-anchors -help'
		files='-anchors -hints -trust-state -input -dot -html -anchors-update'
		values='-resolver -curves -helo -local -port -probe-timeout -column -concurrency -timeout -pause -per-address -per-dns-server -per-network -per-provider -share'
		arguments='check explain monitor tlsa resolver anchors demo version man completion'
		;;
	'check')
		flags='-compare -ignore -strict -within -anchors -hints -recursive -resolver -trust-state -4 -6 -curves -helo -local -port -probe-timeout -column -concurrency -input -timeout -pause -per-address -per-dns-server -per-network -per-provider -share -demo -json -v -dot -html -help'
		files='-anchors -hints -trust-state -input -dot -html'
		values='-ignore -within -resolver -curves -helo -local -port -probe-timeout -column -concurrency -timeout -pause -per-address -per-dns-server -per-network -per-provider -share'
		;;
	'explain')
		flags='-anchors -hints -recursive -resolver -trust-state -4 -6 -curves -helo -local -port -probe-timeout -demo -dns-only -json -mandatory -timeout -help'
		files='-anchors -hints -trust-state'
		values='-resolver -curves -helo -local -port -probe-timeout -timeout'
		;;
	'monitor')
		flags='-interval -listen -listen-any -nagios -prometheus -compare -demo -ignore -require -v -within -anchors -hints -recursive -resolver -trust-state -4 -6 -curves -helo -local -port -probe-timeout -concurrency -timeout -help'
		files='-prometheus -anchors -hints -trust-state'
		values='-interval -listen -ignore -within -resolver -curves -helo -local -port -probe-timeout -concurrency -timeout'
		;;
	'tlsa')
		flags=' -help'
		arguments='make check wait plan update'
		;;
	'tlsa make')
		flags='-any-name -cert -csr -from -key -for -matching -selector -ttl -usage -anchors -hints -recursive -resolver -json -nsupdate -help'
		files='-cert -csr -key -anchors -hints'
		values='-from -for -matching -selector -ttl -usage -resolver'
		;;
	'tlsa check')
		flags='-cert -current -margin -state -since -anchors -hints -recursive -resolver -skip-delegation -json -help'
		files='-cert -current -state -anchors -hints'
		values='-margin -since -resolver'
		;;
	'tlsa wait')
		flags='-cert -current -margin -state -anchors -hints -recursive -resolver -skip-delegation -json -interval -timeout -help'
		files='-cert -current -state -anchors -hints'
		values='-margin -resolver -interval -timeout'
		;;
	'tlsa plan')
		flags='-current -next -other -propagation -scheme -since -state -anchors -hints -recursive -resolver -skip-delegation -json -nsupdate -help'
		files='-current -next -other -state -anchors -hints'
		values='-propagation -scheme -since -resolver'
		;;
	'tlsa update')
		flags='-key -server -current -deployed -dry-run -next -other -scheme -ttl -anchors -hints -recursive -resolver -skip-delegation -json -help'
		files='-key -current -next -other -anchors -hints'
		values='-server -scheme -ttl -resolver'
		;;
	'resolver')
		flags='-anchors -trust-state -json -timeout -help'
		files='-anchors -trust-state'
		values='-timeout'
		;;
	'anchors')
		flags='-anchors -anchors-update -trust-state -json -help'
		files='-anchors -anchors-update -trust-state'
		;;
	'demo')
		flags='-curves -helo -probe-timeout -column -concurrency -input -timeout -pause -per-address -per-dns-server -per-network -per-provider -share -json -mandatory -v -dot -html -help'
		files='-input -dot -html'
		values='-curves -helo -probe-timeout -column -concurrency -timeout -pause -per-address -per-dns-server -per-network -per-provider -share'
		;;
	'version')
		flags='-json -help'
		;;
	'man')
		flags=' -help'
		;;
	'completion')
		flags=' -help'
		arguments='bash zsh fish'
		;;
	esac
	prev=${prev/#--/-}
	if [[ -n $choices ]]; then
		COMPREPLY=($(compgen -W "$choices" -- "$cur"))
	elif [[ " $files " == *" $prev "* ]]; then
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
	elif [[ " $values " == *" $prev "* ]]; then
		:
	elif [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$flags" -- "$cur"))
	elif ((i == COMP_CWORD)); then
		COMPREPLY=($(compgen -W "$arguments" -- "$cur"))
	fi
}
complete -F _daneverify daneverify
