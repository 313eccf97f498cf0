import Dispatch
import Foundation
import Logging
import Synchronization
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateStores

/// The run marker of the data in Redis, as a sidecar saw it last, in a file of the data folder. With it the next
/// sidecar detects data that Redis has lost in between. Written at intervals, and at the end.
///
/// Usable from any thread. The file is written on a queue of its own.
final class MarkerFile: Sendable {
    /// The content of the file, as JSON.
    struct Contents: Codable, Equatable, Sendable {
        /// The Redis and the namespace of the data.
        var redis: String
        var namespace: String
        var marker: RunMarker
        /// The highest revision that was seen (`SeenRevision`).
        var revision: Int64
    }

    /// The interval of writing while the data stay the same.
    private static let interval = Duration.seconds(10)

    private let path: String
    private let redis: String
    private let namespace: String
    private let logger: Logger
    private let queue = DispatchQueue(label: "tollgate.marker-file")
    private let state = Mutex(State())

    private struct State {
        var last: Contents?
        var written: Contents?
        var writtenAt: ContinuousClock.Instant?
        var hasFailed = false
    }

    init(path: String, settings: ServerSettings, logger: Logger) {
        self.path = path
        redis = settings.redis.description
        namespace = settings.namespace
        self.logger = logger
    }

    /// Reads the file. Returns nil if there is none, if it is about other data, or if it cannot be read, which is
    /// logged.
    func read() -> Contents? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        guard let contents = try? JSONDecoder().decode(Contents.self, from: data) else {
            logger.warning(
                "replacing the unreadable run marker file", metadata: ["file": "\(path)"])
            return nil
        }
        return contents.redis == redis && contents.namespace == namespace ? contents : nil
    }

    /// Records the current marker, and writes it if that is due.
    func note(_ marker: RunMarker, revision: Int64) {
        let contents = Contents(redis: redis, namespace: namespace, marker: marker, revision: revision)
        let isDue = state.withLock { state in
            state.last = contents
            let isNew =
                state.written?.marker.generation != marker.generation || state.written?.revision != revision
            guard isNew || state.writtenAt.map({ ContinuousClock.now - $0 >= Self.interval }) ?? true else {
                return false
            }
            (state.written, state.writtenAt) = (contents, .now)
            return true
        }
        if isDue { queue.async { self.write(contents) } }
    }

    /// Writes the last recorded marker. Returns when it is in the file.
    func close() async {
        let last = state.withLock { $0.last }
        await withCheckedContinuation { continuation in
            queue.async {
                if let last { self.write(last) }
                continuation.resume()
            }
        }
    }

    private func write(_ contents: Contents) {
        do {
            try Data(CanonicalJSON.text(contents).utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            state.withLock { $0.hasFailed = false }
        } catch {
            let isNew = state.withLock { state in
                defer { state.hasFailed = true }
                return !state.hasFailed
            }
            guard isNew else { return }
            logger.warning(
                "the run marker cannot be written: \(error.localizedDescription)",
                metadata: ["file": "\(path)"])
        }
    }
}
