#if canImport(Glibc)
import CAllocationCount
import NIOCore
import Testing

@testable import TollgateWire

/// Requests are parsed into memory that their connection has already.
@Suite(.enabled(if: tollgate_counts_allocations(), "allocations are counted with glibc and without sanitizers"))
struct ParsingAllocationTests {
    struct Sample: CustomTestStringConvertible {
        var testDescription: String
        var request: String
    }

    // Without the optimiser what closures capture lies on the heap.
    #if DEBUG
    static let mostForARequest: UInt64 = 4
    #else
    static let mostForARequest: UInt64 = 0
    #endif

    @Test(
        "a request is parsed without an allocation",
        arguments: [
            Sample(testDescription: "a CHECK", request: "CHECK user=alice tool=search provider=openai\n"),
            Sample(
                testDescription: "a CHECK with amounts and a JSON string",
                request: "CHECK user=\"Alice \\u00e9\" tool=search hits=3 tokens=1200 cost=0.0185\r\n"),
            Sample(
                testDescription: "a RECORD, a plus sign in its id",
                request: "RECORD user=bob+test@example.com provider=openai input_tokens=900 cost=12.5\n"),
            Sample(
                testDescription: "a CHECK in RESP",
                request: "*3\r\n$5\r\nCHECK\r\n$10\r\nuser=alice\r\n$11\r\ntool=search\r\n"),
        ])
    func parsesWithoutAllocating(_ sample: Sample) {
        let times: UInt64 = 100
        var reader = RequestReader()
        var buffer = ByteBuffer(string: String(repeating: sample.request, count: Int(times) + 1))
        // Grows what grows once.
        #expect(reader.next(from: &buffer) == .request)
        var requests: UInt64 = 0
        let before = tollgate_allocation_count()
        while case .request = reader.next(from: &buffer) { requests += 1 }
        let allocations = tollgate_allocation_count() - before
        #expect(requests == times)
        #expect(allocations <= times * Self.mostForARequest)
    }
}
#endif
