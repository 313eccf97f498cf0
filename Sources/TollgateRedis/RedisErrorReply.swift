/// Classifies an error reply by what it means for the connection, for functions and for scripts.
struct RedisErrorReply {
    private let sentence: String

    init(_ sentence: String) {
        self.sentence = sentence
    }

    /// Whether the link should reconnect: this server is loading, is no longer the primary, or has dropped the login.
    var endsConnection: Bool {
        let codes = ["READONLY ", "LOADING ", "MASTERDOWN ", "NOAUTH "]
        // Before 7.0, an error in a script's call was wrapped in an error of the script.
        return codes.contains { sentence.hasPrefix($0) } || sentence.contains(": -READONLY ")
    }

    /// Whether the called function does not exist in Redis.
    var isFunctionMissing: Bool { sentence.hasPrefix("ERR Function not found") }

    /// Whether the called script does not exist in Redis.
    var isScriptMissing: Bool { sentence.hasPrefix("NOSCRIPT") }

    /// Whether FCALL or FUNCTION LOAD is denied to this user, or unknown to this Redis.
    ///
    /// NOPERM alone does not say so: it can also refer to a key, or to a command inside a function.
    var deniesFunctions: Bool {
        let commands = ["'fcall'", "'function|load'", "'function'"]
        guard sentence.hasPrefix("NOPERM") || sentence.hasPrefix("ERR unknown") else { return false }
        let words = sentence.lowercased()
        return commands.contains { words.contains($0) } || words.hasPrefix("err unknown subcommand")
    }
}
