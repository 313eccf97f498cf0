import Foundation

extension TestRedis {
    /// Starts a Redis Cluster of one node with all slots. It rejects commands with keys in several slots.
    package static func cluster() async throws -> TestRedis {
        guard let bus = findFreePort() else { throw TestFailure("no free port") }
        let redis = try TestRedis(
            tcp: true, arguments: ["--cluster-enabled", "yes", "--cluster-port", "\(bus)"])
        try redis.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        try await eventually { try redis.cli("CLUSTER", "INFO").contains("cluster_state:ok") }
        return redis
    }

    /// The slot of a key.
    package func slot(of key: String) throws -> Int {
        let text = try cli("CLUSTER", "KEYSLOT", key)
        guard let slot = Int(text) else { throw TestFailure("CLUSTER KEYSLOT: \(text)") }
        return slot
    }
}

/// The commands of a Redis, by MONITOR. Commands of a script follow the call of the script.
package final class RedisMonitor {
    /// A command.
    package struct Command: Sendable {
        /// The name and the arguments.
        package var words: [String]
        /// Whether a script called the command.
        package var isByScript: Bool
    }

    private let process = Process()
    private let redis: TestRedis
    private let folder: TemporaryFolder

    /// Starts to monitor. Ends when this object is released.
    package init(_ redis: TestRedis) async throws {
        folder = try TemporaryFolder()
        self.redis = redis
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["redis-cli", "-s", redis.socketPath, "MONITOR"]
        process.standardOutput = try FileHandle(forWritingTo: folder.emptyFile("monitor"))
        try process.run()
        try await eventually { self.text.hasPrefix("OK") }
    }

    deinit {
        process.terminate()
    }

    private var text: String {
        String(decoding: FileManager.default.contents(atPath: folder.path + "/monitor") ?? Data(), as: UTF8.self)
    }

    /// Waits for the text of all commands that Redis has carried out so far, and returns them.
    package func allCommands() async throws -> [Command] {
        let last = "last-\(UInt64.random(in: 0...(.max)))"
        try redis.cli("ECHO", last)
        try await eventually { self.text.contains(last) }
        return commands
    }

    /// The commands whose text has arrived.
    package var commands: [Command] {
        text.split(separator: "\n").compactMap { line in
            guard let end = line.firstIndex(of: "]") else { return nil }
            return Command(
                words: Self.words(line[line.index(after: end)...]), isByScript: line[..<end].hasSuffix(" lua"))
        }
    }

    /// Splits quoted words: `"a" "b\"c"`.
    private static func words(_ text: Substring) -> [String] {
        var words: [String] = []
        var word: String?
        var isEscaped = false
        for character in text {
            if isEscaped {
                word?.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                if let whole = word { words.append(whole) }
                word = word == nil ? "" : nil
            } else {
                word?.append(character)
            }
        }
        return words
    }
}
