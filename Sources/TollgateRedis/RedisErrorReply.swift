/// What an error reply says about the connection that it came on, and about functions and scripts.
struct RedisErrorReply {
    private let sentence: String

    init(_ sentence: String) {
        self.sentence = sentence
    }

    /// Whether another connection may do better: the server that this one leads to does not serve now, is no longer the
    /// one to write to, or no longer knows us.
    var endsConnection: Bool {
        let codes = ["READONLY ", "LOADING ", "MASTERDOWN ", "NOAUTH "]
        // Before 7.0 the error of a call within a script was wrapped in one of the script.
        return codes.contains { sentence.hasPrefix($0) } || sentence.contains(": -READONLY ")
    }

    /// Whether Redis does not have the function that was called.
    var isFunctionMissing: Bool { sentence.hasPrefix("ERR Function not found") }

    /// Whether Redis does not have the script that was called.
    var isScriptMissing: Bool { sentence.hasPrefix("NOSCRIPT") }

    /// Whether FCALL or FUNCTION LOAD is denied to this user, or unknown to this Redis. NOPERM is also said of a key, or of what
    /// a function does.
    var deniesFunctions: Bool {
        let commands = ["'fcall'", "'function|load'", "'function'"]
        guard sentence.hasPrefix("NOPERM") || sentence.hasPrefix("ERR unknown") else { return false }
        let words = sentence.lowercased()
        return commands.contains { words.contains($0) } || words.hasPrefix("err unknown subcommand")
    }
}
