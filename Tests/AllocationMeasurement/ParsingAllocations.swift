import CAllocationCount
import NIOCore
import TollgateTestSupport
import TollgateWire

/// What parsing a request costs in heap allocations: none in an optimised build, as requests are parsed into memory that their
/// connection has already.
package struct ParsingAllocations: Sendable, CustomStringConvertible {
    /// Requests whose parsing is counted.
    package static let samples = [
        ParsingAllocations("a CHECK", "CHECK user=alice tool=search provider=openai\n"),
        ParsingAllocations(
            "a CHECK with amounts and a JSON string",
            "CHECK user=\"Alice \\u00e9\" tool=search hits=3 tokens=1200 cost=0.0185\r\n"),
        ParsingAllocations(
            "a RECORD, a plus sign in its id",
            "RECORD user=bob+test@example.com provider=openai input_tokens=900 cost=12.5\n"),
        ParsingAllocations("a CHECK in RESP", "*3\r\n$5\r\nCHECK\r\n$10\r\nuser=alice\r\n$11\r\ntool=search\r\n"),
    ]

    /// The request in a few words.
    package let description: String
    private let request: String

    private init(_ description: String, _ request: String) {
        self.description = description
        self.request = request
    }

    /// Allocations of parsing `times` such requests, one behind the other in one buffer. Throws `TestFailure` where one of them is
    /// not read as a request.
    package func count(times: Int) throws -> UInt64 {
        var reader = RequestReader()
        var buffer = ByteBuffer(string: String(repeating: request, count: times + 1))
        // Grows what grows once.
        guard reader.next(from: &buffer) == .request else { throw TestFailure("\(description): not read as a request") }
        var requests = 0
        let before = tollgate_allocation_count()
        while case .request = reader.next(from: &buffer) { requests += 1 }
        let allocations = tollgate_allocation_count() - before
        guard requests == times else { throw TestFailure("\(description): \(requests) of \(times) were read") }
        return allocations
    }
}
