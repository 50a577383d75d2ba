// Made by .ci/issuers.go; do not edit.

package diagnosis

// issuers are intermediate CAs that are known by name. Source: the list of intermediates that
// Firefox ships (defaults/settings/security-state/intermediates.json), which Mozilla makes of the
// Common CA Database; as of 15 November 2026, in Debian's package
// firefox-esr 153.8.0esr-1~deb12u1.
var issuers = [...]issuer{
	{"Let's Encrypt", "E5", "3586d4ecf070578cbd27aedce20b964e48bc149faeb9dad72f46b857869172b8", []string{
		"5dfdb3cf31b26f23d87c09f3a0cef642f64069a9fb7cfe29270bb5dc0f1e16bb",
		"e788d14b0436b5120bbee3f15c15badf08c1407fe72568a4f16f9151c380e1e3",
	}},
	{"Let's Encrypt", "E6", "d016e1fe311948aca64f2de44ce86c9a51ca041df6103bb52a88eb3f761f57d7", []string{
		"065ab7d2a050f947587121765d8d070c0e1330d5798faa42c2072749ed293762",
		"76e9e288aafc0e37f4390cbf946aad997d5c1c901b3ce513d3d8fadbabe2ab85",
	}},
	{"Let's Encrypt", "E7", "cbbc559b44d524d6a132bdac672744da3407f12aae5d5f722c5f6c7913871c75", []string{
		"54715420224c5b65beed018dc3940d7338c577e322d5488f633d8c6a8fed61b2",
		"aeb1fd7410e83bc96f5da3c6a7c2c1bb836d1fa5cb86e708515890e428a8770b",
	}},
	{"Let's Encrypt", "E8", "885bf0572252c6741dc9a52f5044487fef2a93b811cdedfad7624cc283b7cdd5", []string{
		"83624fd338c8d9b023c18a67cb7a9c0519da43d11775b4c6cbdad45c3d997c52",
		"ac1274542267f17b525535b5563bf731febb182533b46a82dc869cb64eb528c0",
	}},
	{"Let's Encrypt", "E9", "f1440a9b76e1e41e53a4cb461329bf6337b419726be513e42e19f1c691c5d4b2", []string{
		"4185df97806c2ba76f1d79823f112ffa639a49ccdc990908102067ab6412b886",
		"fde88f2d4f8913d3dc1664d5f8de51e07fe2abfed93b45acad5a29bfebaa23fb",
	}},
	{"Let's Encrypt", "R10", "2bbad93ab5c79279ec121507f272cbe0c6647a3aae52e22f388afab426b4adba", []string{
		"9d7c3f1aa6ad2b2ec0d5cf1e246f8d9ae6cbc9fd0755ad37bb974b1f2fb603f3",
	}},
	{"Let's Encrypt", "R11", "6ddac18698f7f1f7e1c69b9bce420d974ac6f94ca8b2c761701623f99c767dc7", []string{
		"591e9ce6c863d3a079e9fabe1478c7339a26b21269dde795211361024ae31a44",
	}},
	{"Let's Encrypt", "R12", "919c0df7a787b597ed056ace654b1de9c0387acf349f73734a4fd7b58cf612a4", []string{
		"131fce7784016899a5a00203a9efc80f18ebbd75580717edc1553580930836ec",
	}},
	{"Let's Encrypt", "R13", "025490860b498ab73c6a12f27a49ad5fe230fafe3ac8f6112c9b7d0aad46941d", []string{
		"d3b128216a843f8ef1321501f5df52a5df52939ee2c19297712cd3de4d419354",
	}},
	{"Let's Encrypt", "R14", "f1647a5ee3efac54c892e930584fe47979b7acd1c76c1271bca1c5076d869888", []string{
		"24d45aa9b8d6053d281f3842c8cc0c6c1af7ccdfd42dd5c12f6a74fa9323f7a2",
	}},
	{"Google Trust Services", "AE1", "2069d07883e36f1891f89b5e47b02451797ba55fb5f414f8c77a35e6c69904d1", []string{
		"812c212e9e45dc5005c7f47411183f5fb2ff1baee184d3354b2e93d78c280164",
	}},
	{"Google Trust Services", "WE1", "908769e8d34477cc2cba0632c88605b22d7294c0840f78596d247c645b1afc0e", []string{
		"1dfc1605fbad358d8bc844f76d15203fac9ca5c1a79fd4857ffaf2864fbebf96",
		"a287ffab762cc69a26d482037edf701f653ce899025c62a7e5cb88bb9b419cbb",
	}},
	{"Google Trust Services", "WE2", "be1efc292835472e0d6aa183575d30fdc4dbf551f7050519a0258d6bddd6fc46", []string{
		"54f8ca858bcc7591f28d8dc3772e9bc581717f3a23a288bfd405939c36208de5",
		"9c3f2fd11c57d7c649ad5a0932c0f0d29756f6a0a1c74c43e1e89a62d64cd320",
	}},
	{"Google Trust Services", "WE3", "75a04802729d4485f76ea33ce48e967bbc01521d033f270d14132f6245c65f64", []string{
		"54c660da29d75fc81f07ad6dc8bb7aee2258e071e8b1077544fa5622ff44c99d",
		"9f819a4c876e12dc84e6fe0e37c1a69b137094b453fa98449398f4b71f4d0092",
	}},
	{"Google Trust Services", "WE4", "3b94d00c1ff06b84a446306b40bd80abd086df5ec7f4c0c38294d572ba490dae", []string{
		"9d5e86906a1680a86be278cf76e3d2b62b775186101461d303cee910d94ce13a",
		"d0c97e56c7b0ba812d944ad771f7799b5d4144a2327a4e416554f7ee2aa0aeae",
	}},
	{"Google Trust Services", "WE5", "f326712e0a51f046cef00351ad6280cc8cf3f5776549482d60f9172985251926", []string{
		"847409e63526f162753ac49f75218efaafa7d5c94ade9095ce72e7f6b6e3ac99",
	}},
	{"Google Trust Services", "WR1", "c83bbda20db9e4d3791847fe0706bdad3aea150d04c9d674af514287d4dd016e", []string{
		"b10b6f00e609509e8700f6d34687a2bfce38ea05a8fdf1cdc40c3a2a0d0d0e45",
	}},
	{"Google Trust Services", "WR2", "60fb4769fb4bc3aff4be773606734a185e78c62080dbc58571c723900e32a423", []string{
		"e6fe22bf45e4f0d3b85c59e02c0f495418e1eb8d3210f788d48cd5e1cb547cd4",
	}},
	{"Google Trust Services", "WR3", "39d4a59900fd356261e046dc387071921ca03f0352c00f50f757a8ba77db7281", []string{
		"2fe357db13751ff9160e87354975b3407498f41c9bd16a48657866e6e5a9b4c7",
	}},
	{"Google Trust Services", "WR4", "8597b539eaea2753e7aba1783748158e3a47aa6d37ecd75fe1a2cb5696597401", []string{
		"dc9416c2f855126d6de977677538f2f967ff4998e90dfa435a17219be077fc06",
	}},
}
