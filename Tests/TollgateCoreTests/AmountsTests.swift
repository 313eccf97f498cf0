import Testing

@testable import TollgateCore

@Suite("Amounts and meters")
struct AmountsTests {
    @Test("each meter that a request can name has an amount of its own", arguments: Meter.allCases.dropLast())
    func subscripts(meter: Meter) {
        var amounts = Amounts()
        amounts[meter] = 7
        for other in Meter.allCases { #expect(amounts[other] == (other == meter ? 7 : nil)) }
        amounts[.concurrent] = 8
        #expect(amounts[.concurrent] == nil)
    }

    @Test("all tokens are those named, else the sum of input and output")
    func allTokens() {
        #expect(Amounts().allTokens == nil)
        #expect(Amounts(inputTokens: 3).allTokens == 3)
        #expect(Amounts(inputTokens: 3, outputTokens: 4).allTokens == 7)
        #expect(Amounts(tokens: 5, inputTokens: 3, outputTokens: 4).allTokens == 5)
        #expect(Amounts(tokens: 0, outputTokens: 4).allTokens == 0)
    }

    @Test("a meter is found by its name", arguments: Meter.allCases)
    func names(meter: Meter) {
        #expect(Meter(name: meter.name) == meter)
        #expect(Meter(name: meter.name.uppercased()) == nil)
    }

    @Test("largest maxes compare exactly as doubles", arguments: Meter.allCases)
    func exactDoubles(meter: Meter) {
        #expect(meter.maxLimit < 1 << 53)
        #expect(meter.maxAmount <= meter.maxLimit)
    }

    @Test("a quantity reads as a whole number or as money")
    func quantities() {
        #expect(Quantity("57").wholeNumber == 57)
        #expect(Quantity("0.25").wholeNumber == nil)
        #expect(Quantity("0.25").money == Money(nanos: 250_000_000))
        #expect(Quantity("much").money == nil)
    }
}
