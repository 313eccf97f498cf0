import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import TollgateLedger
import TollgateStores

/// Announces a sidecar to the others on the same Redis and namespace, and compares its policy file with theirs, at
/// intervals. Warns once about each sidecar with a different policy: the same request would be answered in two ways.
///
/// Usable from any thread.
final class PolicyPeers: Service {
    /// The name of this sidecar for the others: its host and process.
    let name = "\(PolicyPeers.hostName):\(ProcessInfo.processInfo.processIdentifier)"

    /// The pause after a failed attempt, as before there is a connection.
    private static let shortInterval = Duration.seconds(1)
    /// The time that ``leave()`` waits for Redis.
    private static let maxFarewell = Duration.seconds(1)

    private let startedAt = Int64(Date.now.timeIntervalSince1970 * 1_000)
    private let addresses: ListeningAddresses
    /// One announcement, or the farewell, at a time.
    private let turns = Turns()
    private let hasLeft = Atomic(false)
    private let id = String(UInt64.random(in: .min ... .max), radix: 16)
    private let interval: Duration
    private let store: PolicyStore
    private let policy: ActivePolicy
    private let logger: Logger
    private let differences = Mutex(PolicyDifferences())

    init(
        interval: Duration, store: PolicyStore, policy: ActivePolicy, addresses: ListeningAddresses, logger: Logger
    ) {
        self.addresses = addresses
        self.interval = interval
        self.store = store
        self.policy = policy
        self.logger = logger
    }

    /// Compares policies with the other sidecars periodically until graceful shutdown.
    func run() async {
        await cancelWhenGracefulShutdown {
            var pause = Duration.zero
            repeat {
                let isDone = await self.compare()
                pause = isDone ? self.interval : min(self.interval, Self.shortInterval)
            } while (try? await Task.sleep(for: pause)) != nil
        }
    }

    /// Removes the announcement, so that a sidecar that ends in order is not listed any more. Waits at most a second.
    func leave() async {
        guard !hasLeft.exchange(true, ordering: .relaxed) else { return }
        // The calls cannot be cancelled, so the rest of a late one is left behind.
        let ended = AsyncStream.makeStream(of: Void.self)
        Task.detached {
            await self.turns.next { try? await self.store.sidecars.withdraw(self.id) }
            ended.continuation.finish()
        }
        Task.detached {
            try? await Task.sleep(for: Self.maxFarewell)
            ended.continuation.finish()
        }
        // In a task of its own, as a cancelled one would not wait.
        await Task.detached { for await _ in ended.stream {} }.value
    }

    /// The names of the sidecars with a different policy, sorted.
    var others: [String] { differences.withLock { $0.confirmed.sorted() } }

    /// Returns whether Redis could be asked. The links log errors themselves.
    private func compare() async -> Bool {
        let digest = policy.digest
        let details = AnnouncedSidecar.Details(
            version: Version.current, startedAt: startedAt,
            listen: addresses.line.map(\.description).joined(separator: ","))
        let me = AnnouncedSidecar(id: id, name: name, digest: digest, details: details)
        let found: [AnnouncedSidecar]? = await turns.next {
            hasLeft.load(ordering: .relaxed) ? nil : try? await store.sidecars.announce(me)
        }
        guard let peers = found else { return false }
        let (new, ended) = differences.withLock { $0.take(peers, digest: digest) }
        for peer in new {
            logger.warning(
                """
                policy mismatch: the sidecars \(name) and \(peer.name) share Redis and a namespace but use different policies; \
                deploy the same policy file to all
                """, metadata: ["digest": "\(digest)", "other": "\(peer.name)", "other_digest": "\(peer.digest)"])
        }
        for name in ended {
            logger.notice(
                "policy mismatch ended: a policy has changed, or the other sidecar has left",
                metadata: ["other": "\(name)"])
        }
        return true
    }

    private static var hostName: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Tracks the sidecars of a namespace whose policy differs. A difference is confirmed when a sidecar announces the same
/// different digest twice while this sidecar's digest is unchanged. A rolling update or a killed sidecar therefore
/// causes no warning. Pure.
struct PolicyDifferences {
    private struct Difference {
        var peer: AnnouncedSidecar
        var own: String
        var isConfirmed = false
    }

    /// The differences by the id of the other sidecar.
    private var found: [String: Difference] = [:]

    /// The names of the sidecars with a different policy.
    var confirmed: [String] { found.values.filter(\.isConfirmed).map(\.peer.name) }

    /// Evaluates the announcements of the other sidecars. Returns the sidecars that are newly found to differ, and the
    /// names of those that no longer differ.
    mutating func take(
        _ peers: [AnnouncedSidecar], digest: String
    ) -> (new: [AnnouncedSidecar], ended: [String]) {
        var (next, new): ([String: Difference], [AnnouncedSidecar]) = ([:], [])
        for peer in peers where peer.digest != digest {
            guard var known = found[peer.id], known.peer.digest == peer.digest, known.own == digest else {
                next[peer.id] = Difference(peer: peer, own: digest)
                continue
            }
            if !known.isConfirmed, peer.at > known.peer.at {
                known.isConfirmed = true
                new.append(peer)
            }
            next[peer.id] = known
        }
        let ended = found.values.filter { $0.isConfirmed && next[$0.peer.id]?.isConfirmed != true }.map(\.peer.name)
        found = next
        return (new, ended.sorted())
    }
}
