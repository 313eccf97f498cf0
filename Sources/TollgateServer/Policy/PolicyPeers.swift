import Foundation
import Logging
import Synchronization
import TollgateLedger
import TollgateStores

/// Compares the policy file of a sidecar with those of the others that share its Redis and namespace, now and then, and warns once of
/// each that decides by another: the same request would be answered in two ways.
///
/// Usable from any thread.
final class PolicyPeers: Sendable {
    /// What the others know this sidecar by: its host and process.
    let name = "\(PolicyPeers.hostName):\(ProcessInfo.processInfo.processIdentifier)"

    /// After a look that came to nothing, as before there is a connection.
    private static let shortInterval = Duration.seconds(1)

    private let id = String(UInt64.random(in: .min ... .max), radix: 16)
    private let interval: Duration
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        var differences = PolicyDifferences()
    }

    init(interval: Duration, logger: Logger) {
        self.interval = interval
        self.logger = logger
    }

    /// - Parameter digest: That of the policy file in force.
    func start(_ store: PolicyStore, digest: @escaping @Sendable () -> String) {
        let task = Task {
            var pause = Duration.zero
            repeat {
                let isDone = await self.compare(store, digest())
                pause = isDone ? self.interval : min(self.interval, Self.shortInterval)
            } while (try? await Task.sleep(for: pause)) != nil
        }
        state.withLock { $0.task = task }
    }

    /// What its store asks has to have ended, or to end soon.
    func stop() async {
        let task = state.withLock { $0.task }
        task?.cancel()
        await task?.value
    }

    /// The names of the sidecars that decide by another policy, sorted.
    var others: [String] { state.withLock { $0.differences.confirmed.sorted() } }

    /// Returns whether Redis could be asked; what it says against it is reported by others.
    private func compare(_ store: PolicyStore, _ digest: String) async -> Bool {
        let me = AnnouncedSidecar(id: id, name: name, digest: digest)
        guard let peers = try? await store.sidecars.announce(me) else { return false }
        let (new, ended) = state.withLock { $0.differences.take(peers, digest: digest) }
        for peer in new {
            logger.warning(
                """
                the sidecars \(name) and \(peer.name) share Redis and namespace and decide by different policies: give all of \
                them the same file
                """, metadata: ["digest": "\(digest)", "other": "\(peer.name)", "other_digest": "\(peer.digest)"])
        }
        for name in ended {
            logger.notice("the sidecar decides by the same policy again, or is gone", metadata: ["other": "\(name)"])
        }
        return true
    }

    private static var hostName: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
