import ArgumentParser
import Foundation
import TollgateAdmin

/// The command `tollgate deliveries`.
struct Deliveries: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, test and retry deliveries to the receivers of alerts.",
        subcommands: [DeliveriesList.self, DeliveriesTest.self, DeliveriesRetry.self],
        defaultSubcommand: DeliveriesList.self)
}

/// The command `tollgate deliveries list`, which `tollgate deliveries` runs.
struct DeliveriesList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the receivers of alerts, deliveries that are retried, and dead-lettered ones.")
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.run { client in
            try await client.send(AdminRequest(.get, "v1", "deliveries"))
        } text: {
            AdminText.deliveries($0, on: .current)
        }
    }
}

/// The command `tollgate deliveries test billing`.
struct DeliveriesTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Send a test message to a receiver now, and report the outcome.",
        discussion: "Exits with status 2 if the message was not delivered.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "The name of the receiver, as tollgate deliveries lists it.")
    var receiver: String

    func run() async throws {
        var isDelivered = false
        // The sidecar waits for the receiver as long as a request may take by default.
        try await options.run(patienceFactor: 2) { client in
            let reply = try await client.send(AdminRequest(.post, "v1", "deliveries", receiver, "test"))
            isDelivered = try reply.value()["delivered"] == .bool(true)
            return reply
        } text: {
            AdminText.receiverTest($0)
        }
        if !isDelivered { throw ExitCode(2) }
    }
}

/// The command `tollgate deliveries retry billing`.
struct DeliveriesRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Try failed deliveries now, and queue dead-lettered ones again.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "The name of the receiver. (default: all receivers)")
    var receiver: String?

    func run() async throws {
        try await options.run { client in
            if let receiver { return try await retry(receiver, client) }
            var reply = try await client.send(AdminRequest(.get, "v1", "deliveries"))
            var items: [JSONValue] = []
            for item in try reply.value()["items"].array {
                items.append(try await retry(item["name"].text, client).value())
            }
            reply.body = Data(JSONValue.object(["items": .array(items)]).json.utf8)
            return reply
        } text: { answer in
            AdminText.deliveryRetries(receiver == nil ? answer["items"].array : [answer])
        }
    }

    private func retry(_ receiver: String, _ client: AdminClient) async throws -> AdminReply {
        try await client.send(AdminRequest(.post, "v1", "deliveries", receiver, "retry"))
    }
}

extension AdminText {
    /// Formats the outcome of a test message: `billing: delivered in 38 ms, status 204`.
    static func receiverTest(_ answer: JSONValue) -> String {
        let time = "in \(answer["milliseconds"].text) ms"
        let status = answer["status"] == .null ? "" : ", status \(answer["status"].text)"
        let outcome = answer["error"].string.map { "not delivered \(time): \($0)" } ?? "delivered \(time)\(status)"
        return JSONValue.printable("\(answer["receiver"].text): \(outcome)")
    }

    /// Formats the numbers of retried deliveries, one line a receiver.
    static func deliveryRetries(_ answers: [JSONValue]) -> String {
        guard !answers.isEmpty else { return "no receivers" }
        let lines = answers.map { answer in
            let gone = answer["unavailable"].text
            let rest = gone == "0" ? "" : "; \(gone) dead-lettered cannot be sent: the stream has lost their events"
            return "\(answer["receiver"].text): retried \(answer["retried"].text) failed, "
                + "requeued \(answer["requeued"].text) dead-lettered\(rest)"
        }
        return lines.map(JSONValue.printable).joined(separator: "\n")
    }
}
