package import TollgateCore

/// One reply line, as a client reads it.
package enum Reply: Equatable, Sendable {
    /// `ALLOW …` and `DENY …`.
    case decision(Decision)
    /// `OK`, with the fields that follow it.
    case ok([Field])
    case pong
    /// A line that is a JSON object.
    case json(String)
    /// `ALERT {…}`, which answers no request: the JSON.
    case alert(String)
    /// `ERR code sentence`
    case error(code: String, sentence: String)

    /// One `key=value`, unquoted.
    package struct Field: Equatable, Sendable {
        package var key: String
        package var value: String
    }
}

/// A line that is no reply: what speaks at the other end is not Tollgate.
package struct ReplyError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
}
