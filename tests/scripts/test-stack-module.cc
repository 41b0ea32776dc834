// A module in C++, for test-stack.sh: through its frames test-stack-sample faults.
#include <string>

extern volatile int sum;

namespace shop
{
template <typename T> class Cart
{
  public:
    __attribute__((noinline)) void add(T item, void (*function)())
    {
        function();
        sum += static_cast<int>(item.size());
    }
};
} // namespace shop

extern "C" void in_module(void (*function)())
{
    shop::Cart<std::string>().add("book", function);
    sum = sum + 1;
}
