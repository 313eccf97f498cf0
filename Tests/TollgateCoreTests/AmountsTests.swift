import Testing

@testable import TollgateCore

@Suite("Amounts and meters")
struct AmountsTests {
    @Test("each meter of a request has its own amount", arguments: Meter.allCases.dropLast())
    func subscripts(meter: Meter) {
        var amounts = Amounts()
        amounts[meter] = 7
        for other in Meter.allCases { #expect(amounts[other] == (other == meter ? 7 : nil)) }
        amounts[.concurrent] = 8
        #expect(amounts[.concurrent] == nil)
    }

    @Test("all tokens are the given total, or the sum of input and output tokens")
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

    @Test("the maximum of each meter's limits is exact as a double", arguments: Meter.allCases)
    func exactDoubles(meter: Meter) {
        #expect(meter.maxLimit < 1 << 53)
        #expect(meter.maxAmount <= meter.maxLimit)
    }

    @Test("a cost in money has the finest unit in which it is a permitted amount")
    func money() throws {
        for (text, decimals) in [("0.25", 9), ("9000000", 9), ("9000001", 8), ("25000000000", 5), ("-0.5", 9)] {
            let cost = try Money(parsing: text)
            let amounts = Amounts(cost: cost)
            #expect(amounts.unit.decimals == decimals, "\(text)")
            #expect(amounts.cost.map { Money($0, in: amounts.unit) } == cost)
        }
    }

    @Test("a quantity is a whole number or an amount of money")
    func quantities() {
        #expect(Quantity("57").wholeNumber == 57)
        #expect(Quantity("0.25").wholeNumber == nil)
        #expect(Quantity("0.25").money == Money(nanos: 250_000_000))
        #expect(Quantity("much").money == nil)
    }
}
