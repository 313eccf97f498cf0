import NIOCore
package import TollgateCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// All that a batch and a reply need of one scope, ready to be copied. Owned by one event loop.
package final class ScopePlan {
    package let scope: Scope
    /// `user:alice`
    package let text: [UInt8]
    package let set: LimitSet
    /// The scope's hash in Redis as a RESP bulk string.
    let key: [UInt8]
    /// `provider=openai` in MessagePack, under which other scopes' history counts this one's cost; the number 0 if none.
    let label: [UInt8]
    /// Whether leaving the scope out of an operation changes nothing.
    package let isInert: Bool
    /// Of `text`, for the cache.
    let hash: Int

    /// The batch that this scope was last put into, and its place there, from 1.
    var batchNumber = 0
    var batchPlace = 0

    /// Kinds by which the history of other scopes splits its cost.
    static let labelledKinds: Set<String> = ["provider", "tool"]

    init(scope: Scope, set: LimitSet, namespace: String, hash: Int) {
        self.scope = scope
        self.set = set
        self.hash = hash
        let description = scope.description
        text = Array(description.utf8)
        let name = "\(namespace):{\(description)}"
        key = Array("$\(name.utf8.count)\r\n\(name)\r\n".utf8)
        if scope.parts.count == 1, let part = scope.parts.first, Self.labelledKinds.contains(part.kind) {
            label = Self.packed("\(part.kind)=\(part.id)")
            isInert = false
        } else {
            label = [0]
            isInert = set.limits.isEmpty && !set.keepsHistory
        }
    }

    func hasText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard text.count == bytes.count, let other = bytes.baseAddress else { return false }
        return text.withUnsafeBytes { memcmp($0.baseAddress!, other, bytes.count) == 0 }
    }

    private static func packed(_ text: String) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeMessagePack(text.utf8)
        return Array(buffer.readableBytesView)
    }
}
