// The smallest program there is: what spawn_bench starts when it measures what starting costs.
int main() {
  return 0;
}
