import Dispatch
import Foundation
import Logging
import Synchronization
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateStores

/// What a sidecar remembers of the data in its Redis, in a file of the data folder: so that the next one over the folder finds out
/// what was lost in between. Written now and then, and at the end.
///
/// Usable from any thread; the file is written on a queue of its own.
final class MarkerFile: Sendable {
    /// What the file holds, as JSON.
    struct Contents: Codable, Equatable, Sendable {
        /// Of which data: another Redis, or another namespace, has others.
        var redis: String
        var namespace: String
        var marker: RunMarker
        /// The highest that was seen (SeenRevision).
        var revision: Int64
    }

    /// A look at the data that finds nothing changed is written down so often.
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

    /// Nil where there is none, or it is about other data. One that cannot be read is logged, and is written anew.
    func read() -> Contents? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        guard let contents = try? JSONDecoder().decode(Contents.self, from: data) else {
            logger.warning("the file cannot be read and is written anew", metadata: ["file": "\(path)"])
            return nil
        }
        return contents.redis == redis && contents.namespace == namespace ? contents : nil
    }

    /// Remembers it, and writes it down where that is due.
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

    /// Returns when the last that was noted is in the file.
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
                "what was seen of Redis's data cannot be written down: \(error.localizedDescription)",
                metadata: ["file": "\(path)"])
        }
    }
}
