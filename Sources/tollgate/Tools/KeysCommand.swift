import ArgumentParser
import Foundation
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateServer
import TollgateStores

/// The command `tollgate keys user:alice`.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Print the Redis keys of scopes, and the commands that show their contents.",
        discussion: """
            Connects to neither a sidecar nor Redis. History keys are those of yesterday and its month in UTC: today's usage is in \
            the first key. Replace ID by the id of the operation.
            The commands are for the Redis of --redis. Without it, they are for the embedded Redis, if the data folder has \
            the socket of one.
            """)

    @Argument(
        help: ArgumentHelp("user:alice, user:alice+tool:search, or global", valueName: "scope"),
        transform: { try Scope(parsing: RequestArgument.scope($0)) })
    var scopes: [Scope]

    @Option(
        help: ArgumentHelp("The sidecar's namespace. (default: TOLLGATE_NAMESPACE, or tollgate)", valueName: "name"))
    var namespace: String?

    @Option(
        help: ArgumentHelp("The sidecar's partitions. (default: TOLLGATE_PARTITIONS, or none)", valueName: "n"))
    var partitions: String?

    @Option(help: ArgumentHelp("The sidecar's Redis. (default: TOLLGATE_REDIS)", valueName: "url"))
    var redis: String?

    @Option(
        help: ArgumentHelp("The sidecar's data folder. (default: TOLLGATE_DATA, or tollgate-data)", valueName: "folder")
    )
    var data: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        do {
            _ = try keySpace()
            _ = try client()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() throws {
        try EnvironmentNames.exitUnlessKnown()
        let keySpace = try keySpace()
        let client = try client()
        let now = Int64(Date.now.timeIntervalSince1970 * 1_000)
        let yesterday = CalendarRules.utc.window(.day, containing: now).startsAt - 1
        let day = CalendarRules.utc.window(.day, containing: yesterday).id
        let month = CalendarRules.utc.window(.month, containing: yesterday).id
        let listings = scopes.map { scope in
            ScopeListing(
                scope: scope.description, partition: keySpace.partition(of: scope),
                keys: keySpace.listing(of: scope, day: day, month: month).map { ScopeListing.Key($0, client) })
        }
        print(
            json
                ? try ScopeListing.json(listings)
                : listings.map { $0.text(on: .current) }.joined(separator: "\n\n"))
    }

    /// The words of redis-cli before the command.
    private func client() throws -> [String] {
        let environment = ProcessInfo.processInfo.environment
        if let redis = redis ?? environment["TOLLGATE_REDIS"] {
            return ["redis-cli"] + Self.options(of: try RedisAddress(redis))
        }
        let folder = data ?? environment["TOLLGATE_DATA"] ?? "tollgate-data"
        let socket = "\(folder)/redis.sock"
        return ["redis-cli"] + (FileManager.default.fileExists(atPath: socket) ? ["-s", socket] : [])
    }

    /// The options of redis-cli for an address. It asks for the password, which is never printed.
    private static func options(of address: RedisAddress) -> [String] {
        var options: [String] = []
        switch address.endpoint {
        case .tcp("127.0.0.1", 6379): break
        case .tcp(let host, let port): options = ["-h", host, "-p", "\(port)"]
        case .unix(let path): options = ["-s", path]
        }
        if let user = address.user { options += ["--user", user] }
        if address.password != nil { options.append("--askpass") }
        if address.database != 0 { options += ["-n", "\(address.database)"] }
        return options
    }

    private func keySpace() throws -> KeySpace {
        let environment = ProcessInfo.processInfo.environment
        let namespace = namespace ?? environment["TOLLGATE_NAMESPACE"] ?? "tollgate"
        let text = partitions ?? environment["TOLLGATE_PARTITIONS"]
        let partitions = try text.map { text in
            guard let number = Int(text) else { throw OperatorError("--partitions \(text): expected a whole number") }
            return number
        }
        try ServerSettings.validate(namespace: namespace, partitions: partitions)
        return KeySpace(namespace: namespace, partitions: partitions)
    }
}

/// The printed keys of one scope.
struct ScopeListing: Encodable {
    struct Key: Encodable {
        var key: String
        var type: String
        var content: String
        /// The redis-cli command, quoted for a shell.
        var command: String

        init(_ listed: ListedKey, _ client: [String]) {
            (key, type, content) = (listed.key, listed.type, listed.content)
            command = (client + listed.command).map(ShellWord.quoted).joined(separator: " ")
        }
    }

    var scope: String
    var partition: KeySpace.Partition?
    var keys: [Key]

    /// A table. At a terminal that is too narrow for it, each command is on a line of its own, and never cut.
    func text(on terminal: Terminal) -> String {
        var table = Table(["content", "command"])
        for key in keys { table.add([key.content, key.command]) }
        let title = scope + (partition.map { ", partition \($0)" } ?? "")
        guard terminal.isTerminal, table.width > terminal.columns else { return "\(title)\n\(table.text)" }
        let lines = keys.flatMap { terminal.wrapped($0.content, indent: 2) + ["  \($0.command)"] }
        return ([title] + lines).joined(separator: "\n")
    }

    static func json(_ listings: [ScopeListing]) throws -> String {
        try CanonicalJSON.text(["scopes": listings])
    }
}
