/// What an error reply says about the connection that it came on.
struct RedisErrorReply {
    /// Whether another connection may do better: the server that this one leads to does not serve now, is no longer the
    /// one to write to, or no longer knows us.
    let endsConnection: Bool

    init(_ sentence: String) {
        let codes = ["READONLY ", "LOADING ", "MASTERDOWN ", "NOAUTH "]
        // Before 7.0 the error of a call within a script was wrapped in one of the script.
        endsConnection = codes.contains { sentence.hasPrefix($0) } || sentence.contains(": -READONLY ")
    }
}
