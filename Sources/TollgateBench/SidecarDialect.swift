import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

/// The line protocol of a sidecar.
struct SidecarDialect: Dialect {
    private let token: String?
    private(set) var isReady: Bool
    private var input = ByteBuffer()

    init(token: String?) {
        self.token = token
        isReady = token == nil
    }

    mutating func writeHandshake(into buffer: inout ByteBuffer) -> Bool {
        guard let token else { return false }
        RequestWriter.writeAuth(token, to: &buffer)
        return true
    }

    mutating func write(_ call: Workload.Call, into buffer: inout ByteBuffer) {
        switch call.verb {
        case .check: buffer.writeStaticString("CHECK user=u")
        case .peek: buffer.writeStaticString("PEEK user=u")
        case .record: buffer.writeStaticString("RECORD user=u")
        case .refund: buffer.writeStaticString("REFUND user=u")
        case .reserve, .commit, .cancel, .sweep: preconditionFailure("no verb of a mix")
        }
        buffer.writeDecimal(Int64(call.user))
        buffer.writeStaticString(" tool=t")
        buffer.writeDecimal(Int64(call.tool))
        buffer.writeStaticString(" provider=p")
        buffer.writeDecimal(Int64(call.provider))
        if let tokens = call.amounts.tokens {
            buffer.writeStaticString(" tokens=")
            buffer.writeDecimal(tokens)
        }
        if let cost = call.amounts.cost {
            buffer.writeStaticString(" cost=")
            buffer.writeMoney(cost, in: call.amounts.unit)
        }
        buffer.writeInteger(UInt8(ascii: "\n"))
    }

    mutating func read(_ bytes: ByteBuffer, _ onReply: (ReplyKind) -> Void) throws {
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.discardReadBytes()
            input.writeImmutableBuffer(bytes)
        }
        let received = input
        let taken = try received.withUnsafeReadableBytes { bytes in
            var start = 0
            while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
                try take(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), onReply)
                start = end + 1
            }
            return start
        }
        input.moveReaderIndex(forwardBy: taken)
    }

    private mutating func take(_ line: UnsafeRawBufferPointer, _ onReply: (ReplyKind) -> Void) throws {
        let kind = try Self.kind(of: line)
        if isReady { return onReply(kind) }
        guard kind == .ok else { throw OperatorError(String(decoding: line, as: UTF8.self)) }
        isReady = true
    }

    private static func kind(of line: UnsafeRawBufferPointer) throws -> ReplyKind {
        if line.starts(with: "ALLOW degraded".utf8) { return .degraded }
        if line.starts(with: "ALLOW".utf8) { return .allow }
        if line.starts(with: "OK".utf8) { return .ok }
        if line.starts(with: "DENY".utf8) { return .deny }
        guard line.starts(with: "ERR ".utf8) else {
            throw OperatorError(
                "expected a reply of a sidecar, found:  \(String(decoding: line.prefix(80), as: UTF8.self))")
        }
        return .error(String(decoding: line.dropFirst(4).prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self))
    }
}
