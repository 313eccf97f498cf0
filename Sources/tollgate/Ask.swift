import ArgumentParser
import TollgateWire

/// `tollgate check user=alice tool=search`
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask for a decision, and count the request if it is ALLOW.",
        discussion: "Exits 0 on ALLOW, 1 on DENY, 2 on an error.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "kind=id …, and hits= tokens= input_tokens= output_tokens= cost=")
    var words: [String]

    func run() async throws { try await options.ask(.check, words) }
}

/// `tollgate peek user=alice`
struct Peek: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The decision that check would get; counts nothing.",
        discussion: "Exits 0 on ALLOW, 1 on DENY, 2 on an error.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "As for check.")
    var words: [String]

    func run() async throws { try await options.ask(.peek, words) }
}

/// `tollgate record user=alice cost=0.02`
struct Record: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Record what was really used.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "kind=id …, and at least one of hits= tokens= input_tokens= output_tokens= cost=")
    var words: [String]

    func run() async throws { try await options.ask(.record, words) }
}

/// `tollgate refund user=alice cost=0.02`
struct Refund: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take back what was recorded.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "As for record.")
    var words: [String]

    func run() async throws { try await options.ask(.refund, words) }
}

/// `tollgate usage user:alice`
struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "What a scope has used of each of its limits, as JSON.")
    @OptionGroup var options: ClientOptions
    @Argument(help: "user:alice, user:alice+tool:search, or global")
    var scope: String

    func run() async throws { try await options.ask(.usage, ["scope=\(scope)"]) }
}

/// `tollgate ping`
struct Ping: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Exit 0 if the sidecar answers.")
    @OptionGroup var options: ClientOptions

    func run() async throws { try await options.ask(.ping) }
}
