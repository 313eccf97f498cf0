import CAllocationCount
import NIOCore
import TollgateTestSupport
import TollgateWire

/// The heap allocations of parsing a request. A release build makes none: requests are parsed into memory that the
/// connection has.
package struct ParsingAllocations: Sendable, CustomStringConvertible {
    /// The requests that are measured.
    package static let samples = [
        ParsingAllocations("a CHECK", "CHECK user=alice tool=search provider=openai\n"),
        ParsingAllocations(
            "a CHECK with amounts and a JSON string",
            "CHECK user=\"Alice \\u00e9\" tool=search requests=3 tokens=1200 cost=0.0185\r\n"),
        ParsingAllocations(
            "a RECORD, a plus sign in its id",
            "RECORD user=bob+test@example.com provider=openai input_tokens=900 cost=12.5\n"),
        ParsingAllocations("a CHECK in RESP", "*3\r\n$5\r\nCHECK\r\n$10\r\nuser=alice\r\n$11\r\ntool=search\r\n"),
    ]

    /// A description of the request.
    package let description: String
    private let request: String

    private init(_ description: String, _ request: String) {
        self.description = description
        self.request = request
    }

    /// Counts the allocations of parsing the request a number of times, from one buffer. Throws `TestFailure` if it is
    /// not parsed.
    package func count(times: Int) throws -> UInt64 {
        var reader = RequestReader()
        var buffer = ByteBuffer(string: String(repeating: request, count: times + 1))
        // Buffers grow at the first request.
        guard reader.next(from: &buffer) == .request else { throw TestFailure("\(description): not read as a request") }
        var requests = 0
        let before = tollgate_allocation_count()
        while case .request = reader.next(from: &buffer) { requests += 1 }
        let allocations = tollgate_allocation_count() - before
        guard requests == times else { throw TestFailure("\(description): \(requests) of \(times) were read") }
        return allocations
    }
}
