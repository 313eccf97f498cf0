import TollgateLedger
import TollgateStores

/// Which of the sidecars that share a namespace decide by another policy than this one. A sidecar counts once it has announced
/// another digest twice while ours was the same: files are exchanged one after the other, and a sidecar that was killed says nothing
/// more. Pure.
struct PolicyDifferences {
    private struct Difference {
        var peer: AnnouncedSidecar
        var own: String
        var isConfirmed = false
    }

    /// By the id of the other.
    private var found: [String: Difference] = [:]

    /// The names of those that decide by another policy.
    var confirmed: [String] { found.values.filter(\.isConfirmed).map(\.peer.name) }

    /// Takes the others as they have announced themselves. Returns those that were found to differ just now, and the names of those
    /// that differed and do not any more.
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
