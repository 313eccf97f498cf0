import ArgumentParser
import NIOCore
import TollgateWire

/// The command `tollgate check user=alice tool=search`.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Request a decision, and count the request on ALLOW.",
        discussion: "Exits 0 on ALLOW, 1 on DENY, 2 on an error.")
    @OptionGroup var options: ClientOptions
    @Argument(
        help:
            "kind=id …, and requests= tokens= input_tokens= output_tokens= cache_read_tokens= cache_write_tokens= images= seconds= cost=."
    )
    var words: [String]

    func run() async throws { try await options.ask(.check, words) }
}

/// The command `tollgate peek user=alice`.
struct Peek: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Request the decision that check would make, without counting.",
        discussion: "Exits 0 on ALLOW, 1 on DENY, 2 on an error.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "As for check.")
    var words: [String]

    func run() async throws { try await options.ask(.peek, words) }
}

/// The command `tollgate record user=alice cost=0.02`.
struct Record: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Record what was really used.")
    @OptionGroup var options: ClientOptions
    @Argument(
        help:
            "kind=id …, at least one of the amounts of check, and id= as the idempotency key."
    )
    var words: [String]

    func run() async throws { try await options.ask(.record, words) }
}

/// The command `tollgate refund user=alice cost=0.02`.
struct Refund: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Subtract recorded usage.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "As for record.")
    var words: [String]

    func run() async throws { try await options.ask(.refund, words) }
}

/// The command `tollgate reserve user=alice cost=0.07 ttl=60`.
struct Reserve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Request a decision, and hold the amounts on ALLOW.",
        discussion: "The reply contains the token for commit and cancel. Exits 0 on ALLOW, 1 on DENY, 2 on an error.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "As for check, and ttl= with the seconds until the reservation expires.")
    var words: [String]

    func run() async throws { try await options.ask(.reserve, words) }
}

/// The command `tollgate commit reservation=… cost=0.05`.
struct Commit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Charge the actual usage of a reserved call. Idempotent.")
    @OptionGroup var options: ClientOptions
    @Argument(
        help:
            "reservation=…, the amounts of check, and model= and provider= if others were called. Meters that are not named are not charged."
    )
    var words: [String]

    func run() async throws { try await options.ask(.commit, words) }
}

/// The command `tollgate cancel reservation=…`.
struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cancel a reservation whose call was not made, and subtract its request.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "reservation=…")
    var words: [String]

    func run() async throws { try await options.ask(.cancel, words) }
}

/// The command `tollgate ping`.
struct Ping: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Exit 0 if the sidecar answers.")
    @OptionGroup var options: ClientOptions

    func run() async throws { try await options.ask(.ping) }
}

/// A request line from the words of a command line. The shell has removed quotes, so values that need them are quoted
/// again.
enum RequestLine {
    static func make(_ verb: Verb, _ words: [String]) -> ByteBuffer {
        var line = ByteBuffer(string: verb.name)
        for word in words {
            line.writeString(" ")
            guard let sign = word.firstIndex(where: { $0 == "=" || $0 == ":" }) else {
                line.writeValue { $0.writeString(word) }
                continue
            }
            line.writeString(String(word[...sign]))
            let value = word[word.index(after: sign)...]
            if !value.isEmpty { line.writeValue { $0.writeString(String(value)) } }
        }
        line.writeString("\n")
        return line
    }
}
