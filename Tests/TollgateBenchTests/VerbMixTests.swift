import Testing
import TollgateLedger
import TollgatePolicy

@testable import TollgateBench

@Suite struct VerbMixTests {
    @Test("verbs are drawn by their weights")
    func weights() throws {
        let mix = try VerbMix(parsing: "check=6,record=3,peek=1")
        var drawn: [OperationVerb: Int] = [:]
        for number in 0..<1_000 { drawn[mix.verb(for: UInt64(number)), default: 0] += 1 }
        #expect(drawn == [.check: 600, .record: 300, .peek: 100])
    }

    @Test(
        "an invalid mix is an error that names the option",
        arguments: [
            "", "check", "check=", "check=0", "check=-1", "check=x", "reserve=1", "check=1,", "check=1,check=2",
        ])
    func refused(_ text: String) throws {
        let error = #expect(throws: OperatorError.self) { try VerbMix(parsing: text) }
        #expect(error?.description.hasPrefix("--mix \(text): ") == true)
    }
}
