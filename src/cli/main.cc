// TODO
int main(){}
